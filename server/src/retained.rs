//! What a room keeps for whoever joins it: how things stand that are under way, of each event's name
//! the latest.

use std::borrow::Cow;

use samewire_protocol::{InLog, ServerEvent};
use serde::{Deserialize, Serialize};

use crate::{
    error::Result,
    socketio::{self, Frame},
};

/// What an event that is published changes in what its room keeps.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Retain {
    event: Cow<'static, str>,
    /// Has no binary values.
    frame: Option<Frame>,
}

impl Retain {
    /// Whoever joins is sent this, until it is set anew or cleared. As it goes to one connection it
    /// has no place in the room's log.
    ///
    /// # Errors
    /// When the payload can't be written as JSON.
    pub fn set<E: ServerEvent>(event: &E) -> Result<Self> {
        const {
            assert!(
                matches!(E::IN_LOG, InLog::OrRetained),
                "an event that is retained is declared as `in [KIND], retained`"
            );
        }
        Ok(Self { event: E::NAME.into(), frame: Some(socketio::event(E::NAME, event)?) })
    }

    /// Whoever joins is sent no such event any longer.
    pub fn clear<E: ServerEvent>() -> Self {
        Self { event: E::NAME.into(), frame: None }
    }

    /// As [`Retain::set`], of a frame's text.
    pub(crate) fn of_text(event: String, text: String) -> Self {
        Self { event: event.into(), frame: Some(text.into()) }
    }

    /// The event's name.
    pub(crate) fn event(&self) -> &str {
        &self.event
    }

    /// The frame's text; nothing where the event is cleared.
    pub(crate) fn text(&self) -> Option<&str> {
        self.frame.as_ref().map(|frame| frame.text().as_str())
    }
}

/// What a room keeps, in the order in which it was first set.
#[derive(Debug, Default)]
pub(crate) struct Retained(Vec<(Cow<'static, str>, Frame)>);

impl Retained {
    /// Makes a change.
    pub(crate) fn apply(&mut self, Retain { event, frame }: Retain) {
        let known = self.0.iter().position(|(known, _)| *known == event);
        match (known, frame) {
            (Some(at), Some(frame)) => self.0[at].1 = frame,
            (Some(at), None) => drop(self.0.remove(at)),
            (None, Some(frame)) => self.0.push((event, frame)),
            (None, None) => {}
        }
    }

    /// What a newcomer is sent who wants these events.
    pub(crate) fn frames(&self, wants: impl Fn(&str) -> bool) -> Vec<Frame> {
        let wanted = self.0.iter().filter(|(event, _)| wants(event));
        wanted.map(|(_, frame)| frame.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use samewire_protocol::assistant::{AiTypingStarted, MessageError};

    use super::*;

    #[test]
    fn the_latest_of_each_event_is_kept_in_order_until_it_is_cleared() {
        let typing = |message: &str| AiTypingStarted {
            conversation_id: "c".into(),
            message_id: message.into(),
        };
        let failed = MessageError {
            conversation_id: "c".into(),
            message_id: "m".into(),
            code: samewire_protocol::ErrorCode::AiUnavailable,
            message: "no".into(),
        };
        let names = |retained: &Retained| {
            let frames = retained.frames(|_| true);
            frames.iter().map(|frame| frame.text()[3..8].to_owned()).collect::<Vec<_>>()
        };
        let mut retained = Retained::default();
        retained.apply(Retain::set(&typing("1")).unwrap());
        retained.apply(Retain::set(&failed).unwrap());
        retained.apply(Retain::set(&typing("2")).unwrap());
        assert_eq!(names(&retained), ["ai:ty", "messa"]);
        assert!(retained.frames(|_| true)[0].text().contains("\"messageId\":\"2\""));
        assert_eq!(retained.frames(|event| event == "message:error").len(), 1);
        retained.apply(Retain::clear::<AiTypingStarted>());
        retained.apply(Retain::clear::<AiTypingStarted>());
        assert_eq!(names(&retained), ["messa"]);
    }
}
