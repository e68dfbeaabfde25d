//! The events of a café, each declared once.

use samewire_protocol::{RoomKind, id::UserId};

/// `cafe:{name}`: whoever sits in that café.
pub const CAFE: RoomKind = RoomKind("cafe");

samewire_protocol::events! {
    /// Ordering in a café.
    domain ORDERS = "orders";

    /// Orders something.
    client "order" -> Ordered;
    pub struct Order {
        /// Where one sits.
        pub cafe: String,
        /// What it is to be.
        pub drink: Drink,
        /// How many of it.
        pub cups: u8,
    }

    /// Somebody ordered something.
    server "ordered" in [CAFE];
    pub struct Ordered {
        /// Who.
        pub guest: UserId,
        /// What.
        pub drink: Drink,
        /// How many of it.
        pub cups: u8,
    }

    /// What there is.
    pub enum Drink {
        /// Black or with milk.
        Coffee,
        /// Green or black.
        Tea,
    }
}
