//! The numbers by which JavaScript and WebAssembly name what they ask of each other. `engine.js` has the
//! name beside each number.

macro_rules! numbered {
    ($($(#[doc = $docs:literal])+ $enum:ident { $($(#[doc = $more:literal])* $name:ident,)+ })+) => {
        $(
            $(#[doc = $docs])+
            #[derive(Debug, Clone, Copy, PartialEq)]
            pub(crate) enum $enum { $($(#[doc = $more])* $name,)+ }

            impl $enum {
                const ALL: &[Self] = &[$(Self::$name,)+];

                /// What JavaScript means by a number.
                #[allow(dead_code, reason = "of some of them JavaScript is only told")]
                pub(crate) fn of(number: u32) -> Option<Self> {
                    Self::ALL.get(number as usize).copied()
                }
            }
        )+
    };
}

numbered! {
    /// What happens to a client.
    Input {
        /// Time goes on, and nothing else.
        Tick,
        Connect,
        Disconnect,
        Close,
        /// A token, or none.
        Token,
        /// Nobody could give a token; why.
        TokenFailed,
        /// Call, event, encoded payload, id, timeout, retries.
        Emit,
        /// Event, encoded payload. The failure is told.
        EmitVolatile,
        /// Call.
        Cancel,
        /// Number, encoded answer.
        Acknowledge,
        /// Handle, room, events.
        Join,
        /// Handle.
        Leave,
        Online,
        Offline,
        Shown,
        Away,
        Back,
        /// Socket. The frame lies ready.
        Frame,
        /// Socket, value.
        Attachment,
        /// Socket, message.
        Lost,
        /// Socket.
        Ready,
        /// How much of a room's log was delivered; less than 0 where that isn't known.
        Offset,
        /// The life of the log that the offset is of.
        Epoch,
        /// Who is in a room.
        Users,
        /// How many rooms are joined, or being joined.
        Rooms,
        /// Names what the client holds. 1 where that is all of it.
        Held,
        /// Socket, number, data. The call that is settled by it; less than 0 where its frame is for `Frame`.
        Answer,
    }

    /// What is to be done.
    What {
        Open,
        Send,
        Pause,
        Shut,
        State,
        Session,
        TokenNeeded,
        Settled,
        Joined,
        Refused,
        Recovered,
        Reset,
        Removed,
        Presence,
        Fault,
        /// Told by a call of its own.
        Arrived,
    }

    /// How the connection is.
    Status {
        Idle,
        Connecting,
        Authenticating,
        Connected,
        Reconnecting,
        Closed,
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    /// The numbers in JavaScript that have a name beside them: `15 /* Arrived */`.
    fn named() -> Vec<(u32, &'static str)> {
        let source = include_str!("engine.js").split(" */").filter_map(|before| {
            let (before, name) = before.rsplit_once(" /* ")?;
            let number = before.rsplit(|letter: char| !letter.is_ascii_digit()).next()?;
            Some((number.parse().ok()?, name))
        });
        source.collect()
    }

    #[wasm_bindgen_test]
    fn javascript_has_the_same_numbers() {
        let named = named();
        for (number, name) in &named {
            let inputs = Input::of(*number).map(|input| format!("{input:?}"));
            let whats = What::of(*number).map(|what| format!("{what:?}"));
            assert!([inputs, whats].contains(&Some((*name).to_owned())), "{number} is no {name}");
        }
        let has = |name: String| named.iter().any(|(_, known)| *known == name);
        assert!(Input::ALL.iter().all(|input| has(format!("{input:?}"))));
        assert!(What::ALL.iter().all(|what| has(format!("{what:?}"))));
    }

    #[wasm_bindgen_test]
    fn javascript_has_the_same_statuses() {
        let statuses = Status::ALL.iter().map(|status| format!("'{status:?}'").to_lowercase());
        let list = format!("[{}]", statuses.collect::<Vec<_>>().join(", "));
        assert!(include_str!("engine.js").contains(&list), "{list}");
    }
}
