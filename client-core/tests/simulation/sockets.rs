//! The sockets that the client has, and what it may do with them: never two, but for a moment a
//! websocket beside the polling socket that it takes over from.

use samewire_client_core::{SocketId, Transport};

#[derive(Default)]
pub(crate) struct Sockets {
    /// What everything goes by.
    pub(crate) main: Option<Main>,
    /// A websocket that may take over.
    upgrade: Option<SocketId>,
    /// Taken over from, and to be closed next.
    old: Option<SocketId>,
}

#[derive(Clone, Copy)]
pub(crate) struct Main {
    pub(crate) id: SocketId,
    transport: Transport,
    rest: Rest,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    No,
    AskedFor,
    Yes,
}

impl Sockets {
    /// Opens one. Gives the session that it is to take over.
    pub(crate) fn open(
        &mut self,
        id: SocketId,
        transport: Transport,
        session: Option<&str>,
    ) -> Result<Option<u32>, String> {
        let Some(session) = session else {
            return match (self.main.replace(Main { id, transport, rest: Rest::No }), self.upgrade) {
                (None, None) => Ok(None),
                _ => Err(format!("{id:?} is opened beside another")),
            };
        };
        let main = self.main.filter(|main| main.transport == Transport::Polling);
        let main = main.ok_or("an upgrade of nothing")?;
        if self.upgrade.replace(id).is_some() || transport != Transport::Websocket {
            return Err(format!("{id:?} takes over beside another"));
        }
        if session != main.id.get().to_string() {
            return Err(format!("{id:?} takes over {session}, which isn't ours"));
        }
        Ok(Some(main.id.get()))
    }

    /// Sends a frame, which takes over where it says so.
    pub(crate) fn send(&mut self, id: SocketId, text: &str) -> Result<(), String> {
        match self.main {
            Some(main) if main.id == id && main.rest == Rest::No => Ok(()),
            // The last word of a connection that ends in the middle of it.
            Some(main) if main.id == id && main.rest == Rest::AskedFor && text == "41" => Ok(()),
            Some(main) if main.id == id => Err(format!("sent on {id:?}, which rests")),
            Some(main) if self.upgrade == Some(id) && text == "5" => {
                if main.rest != Rest::Yes {
                    return Err(format!("{id:?} takes over from one that doesn't rest"));
                }
                self.old = Some(main.id);
                self.upgrade = None;
                self.main = Some(Main { id, transport: Transport::Websocket, rest: Rest::No });
                Ok(())
            }
            Some(_) if self.upgrade == Some(id) && text == "2probe" => Ok(()),
            // One that is lost is told of only after what was called meanwhile.
            _ => Err(format!("{text} sent on {id:?}, which isn't open")),
        }
    }

    pub(crate) fn pause(&mut self, id: SocketId) -> Result<(), String> {
        match &mut self.main {
            Some(Main { id: main, transport: Transport::Polling, rest })
                if *main == id && *rest == Rest::No =>
            {
                *rest = Rest::AskedFor;
                Ok(())
            }
            _ => Err(format!("{id:?} can't be paused")),
        }
    }

    /// Polling has come to rest.
    pub(crate) fn rest(&mut self, id: SocketId) {
        if let Some(main) = &mut self.main
            && main.id == id
            && main.rest == Rest::AskedFor
        {
            main.rest = Rest::Yes;
        }
    }

    /// The network took one.
    pub(crate) fn lose(&mut self, id: SocketId) {
        self.close(id);
    }

    /// The client closes one. Whether it was open.
    pub(crate) fn close(&mut self, id: SocketId) -> bool {
        let main = self.main.take_if(|main| main.id == id).is_some();
        let upgrade = self.upgrade.take_if(|open| *open == id).is_some();
        let old = self.old.take_if(|open| *open == id).is_some();
        main || upgrade || old
    }

    pub(crate) fn are_closed(&self) -> bool {
        self.main.is_none() && self.upgrade.is_none() && self.old.is_none()
    }
}
