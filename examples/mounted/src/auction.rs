//! The auction: a domain of the application's own. Its events, its kind of rooms, and who may be
//! in which.

use std::{collections::HashMap, sync::Arc};

use samewire_protocol::{ErrorCode, RoomAddress, RoomKind, id::UserId};
use samewire_server::{Context, Domain, Error, Identity, Registry, Result};
use tokio::sync::Mutex;

/// `auction:{lot}`: where a lot's bids are told.
pub const AUCTION: RoomKind = RoomKind("auction");

samewire_protocol::events! {
    /// Bidding for lots.
    domain AUCTIONS = "auction";

    /// Bids for a lot.
    client "bid" -> BidAccepted, refuses [Conflict, NotFound];
    pub struct Bid {
        /// The lot.
        pub lot: String,
        /// How much, in cents.
        pub cents: u32,
    }

    /// Nobody bid more so far.
    server "bid-accepted" in [AUCTION];
    pub struct BidAccepted {
        /// Who bids.
        pub bidder: UserId,
        /// How much, in cents.
        pub cents: u32,
    }

    /// The hammer has fallen.
    server "lot-sold" in [AUCTION];
    pub struct LotSold {
        /// To whom, if anybody bid.
        pub bidder: Option<UserId>,
        /// For how much, in cents.
        pub cents: u32,
    }
}

/// A lot under the hammer.
#[derive(Debug, Default)]
pub struct Lot {
    /// Who may bid.
    pub invited: Vec<UserId>,
    /// The highest bid so far.
    pub highest: Option<BidAccepted>,
}

/// The lots, shared by the events and the application's own routes.
#[derive(Debug, Clone, Default)]
pub struct Auctions(pub Arc<Mutex<HashMap<String, Lot>>>);

/// The room where a lot's bids are told.
pub fn room(lot: &str) -> RoomAddress {
    RoomAddress::new(AUCTION, lot)
}

impl Domain for Auctions {
    fn register(self, registry: &mut Registry) {
        let auctions = self.clone();
        registry.room(AUCTION, move |identity: Identity, lot: String| {
            let auctions = auctions.clone();
            async move { auctions.invites(&identity.user_id, &lot).await }
        });
        registry.on(move |context: Context, bid: Bid| {
            let auctions = self.clone();
            async move { auctions.bid(&context, &bid).await }
        });
    }
}

impl Auctions {
    /// Whether somebody may take part.
    async fn invites(&self, user: &UserId, lot: &str) -> Result<()> {
        let lots = self.0.lock().await;
        let lot = lots.get(lot).ok_or_else(no_such_lot)?;
        if lot.invited.contains(user) {
            Ok(())
        } else {
            Err(Error::refused(ErrorCode::AccessDenied, "by invitation only"))
        }
    }

    /// Takes a bid, where it is the highest, and tells everybody in the lot's room.
    async fn bid(&self, context: &Context, bid: &Bid) -> Result<BidAccepted> {
        if !context.connection.is_in(&room(&bid.lot)) {
            return Err(Error::refused(ErrorCode::NotFound, "join the lot's room first"));
        }
        let mut lots = self.0.lock().await;
        let lot = lots.get_mut(&bid.lot).ok_or_else(no_such_lot)?;
        if lot.highest.as_ref().is_some_and(|highest| bid.cents <= highest.cents) {
            return Err(Error::refused(ErrorCode::Conflict, "somebody bids as much or more"));
        }
        let accepted = BidAccepted { bidder: context.identity.user_id.clone(), cents: bid.cents };
        lot.highest = Some(accepted.clone());
        // Under the lock, so that bids are told in the order they were taken.
        context.engine.publish(&room(&bid.lot), &accepted).await?;
        Ok(accepted)
    }
}

fn no_such_lot() -> Error {
    Error::refused(ErrorCode::NotFound, "no such lot")
}
