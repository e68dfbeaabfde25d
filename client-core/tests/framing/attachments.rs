//! What a client keeps of binary parts: those of one packet, and no longer than it waits for them.

use std::sync::Arc;

use samewire_client_core::{
    Client, Config, Event, FrameWriter, Instant, NoChecks, Payload, SocketId, Transmit,
    framing::{MAX_ATTACHMENTS, decode},
};

/// A value that is nothing but there, and a megabyte if it is binary. How many there are, its witness
/// counts.
#[derive(Clone)]
struct Kept {
    _by: Arc<()>,
}

/// Nothing is written of it.
#[derive(Debug, Default)]
struct Unread;

impl FrameWriter<Kept> for Unread {
    fn ascii(&mut self, _: &'static str) {}

    fn number(&mut self, _: &'static str, _: u64) {}

    fn quoted(&mut self, _: &'static str, _: &Arc<str>) {}

    fn payload(&mut self, _: &'static str, _: &Self) {}

    fn finish(self, _: &'static str) -> Self {
        self
    }
}

impl Payload for Kept {
    type Text = Arc<str>;
    type Message = Unread;
    type Writer = Unread;

    fn attachments(_: &Unread) -> usize {
        0
    }

    fn error(_: &Arc<str>, _: &Arc<str>) -> Self {
        Self { _by: Arc::default() }
    }

    fn field(&self, _: &'static str) -> Option<Self> {
        None
    }

    fn item(&self, _: usize) -> Option<Self> {
        Some(self.clone())
    }

    fn text(&self) -> Option<Arc<str>> {
        Some("event".into())
    }

    fn number(&self) -> Option<f64> {
        None
    }

    fn flag(&self) -> Option<bool> {
        None
    }

    fn byte_length(&self) -> usize {
        MEGABYTE
    }

    fn with_attachments(self, _: &[Self]) -> Option<Self> {
        Some(self)
    }
}

const MEGABYTE: usize = 1_000_000;

struct Bench {
    client: Client<Kept>,
    socket: SocketId,
    witness: Arc<()>,
}

impl Bench {
    const NOW: Instant = Instant::from_millis(0);

    fn connected() -> Self {
        Self::with(Config { max_attachment_bytes: usize::MAX, ..Config::default() })
    }

    fn with(config: Config) -> Self {
        let mut client = Client::new(config, 1, NoChecks);
        client.connect(Self::NOW);
        let Some(Transmit::Open { socket, .. }) = client.poll_transmit() else {
            panic!("no socket was asked for");
        };
        let mut bench = Self { client, socket, witness: Arc::new(()) };
        bench.text("0{}");
        bench.text("40");
        bench
    }

    fn value(&self) -> Kept {
        Kept { _by: self.witness.clone() }
    }

    fn text(&mut self, text: &str) {
        let character = |at| text.as_bytes().get(at).copied();
        let frame = decode(character, |_| Some(self.value()));
        self.client.handle_frame(Self::NOW, self.socket, frame);
        self.look_away();
    }

    fn attachments(&mut self, count: usize) {
        for _ in 0..count {
            let attachment = self.value();
            self.client.handle_attachment(Self::NOW, self.socket, attachment);
            self.look_away();
        }
    }

    fn look_away(&mut self) {
        while self.client.poll_event().is_some() {}
        while self.client.poll_transmit().is_some() {}
    }

    /// Values that the client still has.
    fn kept(&self) -> usize {
        Arc::strong_count(&self.witness) - 1
    }
}

#[test]
fn a_whole_packet_is_handed_on() {
    let mut bench = Bench::connected();
    bench.text("453-[]");
    bench.attachments(2);
    assert_eq!(bench.kept(), 3, "the packet, and what came of it");
    bench.attachments(1);
    assert_eq!(bench.kept(), 0);
}

#[test]
fn a_packet_never_completed_is_let_go_with_the_connection() {
    let mut bench = Bench::connected();
    bench.text(&format!("45{MAX_ATTACHMENTS}-[]"));
    bench.attachments(MAX_ATTACHMENTS - 1);
    assert_eq!(bench.kept(), MAX_ATTACHMENTS);
    bench.client.handle_lost(Bench::NOW, bench.socket, "gone");
    bench.look_away();
    assert_eq!(bench.kept(), 0);
}

#[test]
fn a_count_past_the_bound_keeps_nothing() {
    let mut bench = Bench::connected();
    for count in [MAX_ATTACHMENTS as u64 + 1, u64::MAX] {
        bench.text(&format!("45{count}-[]"));
        assert_eq!(bench.kept(), 0);
    }
}

#[test]
fn a_packet_of_more_bytes_than_are_kept_is_told_of_and_passed_over() {
    let mut bench = Bench::with(Config { max_attachment_bytes: 3 * MEGABYTE, ..Config::default() });
    bench.text("455-[]");
    bench.attachments(3);
    assert_eq!(bench.kept(), 4);
    bench.attachments(1);
    assert_eq!(bench.kept(), 1, "the packet, which tells how many come");
    let last = bench.value();
    bench.client.handle_attachment(Bench::NOW, bench.socket, last);
    let Some(Event::Fault { problem, .. }) = bench.client.poll_event() else {
        panic!("nobody is told");
    };
    assert_eq!(&*problem, "frame: too many bytes of binary values");
    assert_eq!(bench.kept(), 0);
    bench.text("453-[]");
    bench.attachments(2);
    let last = bench.value();
    bench.client.handle_attachment(Bench::NOW, bench.socket, last);
    assert!(matches!(bench.client.poll_event(), Some(Event::Arrived { .. })), "and goes on");
}

#[test]
fn a_packet_whose_turn_is_lost_is_let_go() {
    let mut bench = Bench::connected();
    bench.text(&format!("45{MAX_ATTACHMENTS}-[]"));
    bench.attachments(10);
    assert_eq!(bench.kept(), 11);
    bench.text(&format!("45{MAX_ATTACHMENTS}-[]"));
    assert_eq!(bench.kept(), 0);
}
