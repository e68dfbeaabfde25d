//! A websocket that takes a session over from polling, as engineioxide lets it.

use crate::{
    fault::Fault,
    model_server::Server,
    network::{Network, Up},
};

const UPGRADE_TIMEOUT_MS: u64 = 10_000;

/// A session that a websocket may take over.
pub(crate) struct Upgrade {
    link: u32,
    /// When the server gives the session up.
    pub(crate) until: u64,
}

impl Server {
    /// What comes by a websocket that hasn't taken over its session.
    pub(crate) fn receive_of_upgrade(
        &mut self,
        network: &mut Network,
        now: u64,
        link: u32,
        id: u32,
        up: Up,
    ) {
        let is_up = self.is_up();
        let Some(session) = self.sessions.get_mut(&id).filter(|_| is_up) else {
            return network.close_down(now, link);
        };
        match up {
            Up::Opened if session.upgrade.is_none() => {
                session.upgrade = Some(Upgrade { link, until: now + UPGRADE_TIMEOUT_MS });
                network.begin_upgrade(now, link, id);
            }
            Up::Opened => network.close_down(now, link),
            Up::Frame(text) if text == "2probe" => network.send_on(now, link, "3probe".to_owned()),
            Up::Frame(text) => {
                assert_eq!(text, "5", "sent before it has taken over");
                if session.upgrade.take_if(|upgrade| upgrade.link == link).is_some() {
                    session.last_heard = now;
                    let loses_buffer = self.fault == Some(Fault::DropsWhatAnUpgradeFinds);
                    network.take_over(now, link, id, loses_buffer);
                }
            }
            Up::Gone => self.end(network, now, id),
        }
    }
}
