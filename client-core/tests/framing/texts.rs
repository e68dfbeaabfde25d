//! Texts that nobody wrote: none makes us panic, and where both read one, they read the same.

use proptest::prelude::*;
use samewire_client_core::framing::{Frame, Packet};

use crate::{Meaning, ours, theirs};

/// Much that is a frame, and much that is nearly one.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        r#"4[0-7]([0-9]{0,4}-)?(/[a-z]{0,3},)?[0-9]{0,17}(\[("a"|1|null)?(,[0-9]{1,3})?\]|\{"message":"no"\}|)"#,
        r#"[0-9b]{0,3}[-/,\[\]{}":a0-9]{0,12}"#,
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn both_read_the_same_or_one_reads_nothing(text in texts()) {
        let mine = ours::meaning(&text);
        let missing = match &mine {
            // They read no CONNECT_ERROR: they never get one.
            Ok(Meaning::ConnectError { .. }) => return Ok(()),
            // What isn't a list they find out later, as our client does.
            Ok(Meaning::Event { args, .. } | Meaning::Ack { args, .. }) if !args.is_array() => {
                return Ok(());
            }
            // Only the text is made up: it gets the attachments that it wants.
            Ok(Meaning::Event { attachments, .. } | Meaning::Ack { attachments, .. }) => *attachments,
            _ => 0,
        };
        let parts = vec![Vec::new(); missing];
        match (mine, theirs::read(&(text.clone(), parts))) {
            (Ok(mine), Ok((theirs, _))) => prop_assert_eq!(mine, theirs, "{}", text),
            (Ok(mine), Err(error)) => prop_assert!(false, "{text}: only we read {mine:?}: {error}"),
            _ => {}
        }
    }

    #[test]
    fn no_bytes_make_us_panic(bytes: Vec<u8>) {
        _ = ours::read(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_count_beyond_all_reason_is_none(count in 1_001_u64.., ack in 0_u64..9) {
        let text = format!(r#"45{count}-{ack}["a"]"#);
        prop_assert!(ours::read(&text).is_err());
    }

    #[test]
    fn no_more_attachments_are_waited_for_than_may_be(count in 0_usize..2_000) {
        let read = ours::read(&format!(r#"45{count}-["a"]"#));
        let expected = count <= samewire_client_core::framing::MAX_ATTACHMENTS;
        let waits = matches!(read, Ok(Frame::Packet(Packet::Event { attachments, .. })) if attachments == count);
        prop_assert_eq!(waits, expected);
    }
}
