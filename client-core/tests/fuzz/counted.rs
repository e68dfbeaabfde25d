//! Values and texts that are counted while they live, as a browser's aren't: whatever lives while a client
//! rests is what it names as held.

use std::{cell::Cell, cmp::Ordering, sync::Arc};

use samewire_client_core::{Client, FrameWriter, Holdings, Payload, Text};
use serde_json::Value;

thread_local! {
    static LIVING: Cell<usize> = const { Cell::new(0) };
}

/// One of those that live.
#[derive(Debug)]
pub(crate) struct Counted<T>(T);

impl<T> Counted<T> {
    pub(crate) fn new(value: T) -> Self {
        LIVING.set(LIVING.get() + 1);
        Self(value)
    }
}

impl<T: Clone> Clone for Counted<T> {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl<T> Drop for Counted<T> {
    fn drop(&mut self) {
        LIVING.set(LIVING.get() - 1);
    }
}

impl<T: PartialEq> PartialEq for Counted<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T: Eq> Eq for Counted<T> {}

impl<T: Ord> PartialOrd for Counted<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> Ord for Counted<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl From<&str> for Counted<Arc<str>> {
    fn from(text: &str) -> Self {
        Self::new(text.into())
    }
}

impl Text for Counted<Arc<str>> {
    fn known(text: &'static str) -> Self {
        Self::new(text.into())
    }

    fn join(&self, separator: &'static str, other: &Self) -> Self {
        Self::new(self.0.join(separator, &other.0))
    }

    fn split_once(&self, separator: &'static str) -> Option<(Self, Self)> {
        let (before, after) = Text::split_once(&self.0, separator)?;
        Some((Self::new(before), Self::new(after)))
    }

    fn is_code(&self) -> bool {
        self.0.is_code()
    }
}

impl Payload for Counted<Value> {
    type Text = Counted<Arc<str>>;
    /// How many binary values are in it.
    type Message = Counted<usize>;
    type Writer = Unread;

    fn attachments(message: &Counted<usize>) -> usize {
        message.0
    }

    fn error(code: &Counted<Arc<str>>, message: &Counted<Arc<str>>) -> Self {
        Self::new(Value::error(&code.0, &message.0))
    }

    fn field(&self, name: &'static str) -> Option<Self> {
        self.0.field(name).map(Self::new)
    }

    fn item(&self, index: usize) -> Option<Self> {
        self.0.item(index).map(Self::new)
    }

    fn text(&self) -> Option<Counted<Arc<str>>> {
        self.0.text().map(Counted::new)
    }

    fn number(&self) -> Option<f64> {
        self.0.number()
    }

    fn flag(&self) -> Option<bool> {
        self.0.flag()
    }

    fn byte_length(&self) -> usize {
        self.0.byte_length()
    }

    fn with_attachments(self, attachments: &[Self]) -> Option<Self> {
        let attachments: Vec<Value> = attachments.iter().map(|each| each.0.clone()).collect();
        self.0.clone().with_attachments(&attachments).map(Self::new)
    }
}

/// Writes what nobody reads.
#[derive(Debug, Default)]
pub(crate) struct Unread;

impl FrameWriter<Counted<Value>> for Unread {
    fn ascii(&mut self, _: &'static str) {}

    fn number(&mut self, _: &'static str, _: u64) {}

    fn quoted(&mut self, _: &'static str, _: &Counted<Arc<str>>) {}

    fn payload(&mut self, _: &'static str, _: &Counted<usize>) {}

    fn finish(self, _: &'static str) -> Counted<usize> {
        Counted::new(0)
    }
}

/// Holds what a client names against what lives. There is no other client in this thread.
pub(crate) fn all_is_named(client: &Client<Counted<Value>>) {
    #[derive(Default)]
    struct Named(usize);

    impl Holdings<Counted<Value>> for Named {
        fn value(&mut self, _: &Counted<Value>) {
            self.0 += 1;
        }

        fn text(&mut self, _: &Counted<Arc<str>>) {
            self.0 += 1;
        }

        fn message(&mut self, _: &Counted<usize>) {
            self.0 += 1;
        }
    }

    let mut named = Named::default();
    if client.holds(&mut named) {
        assert_eq!(named.0, LIVING.get(), "held, and named as such");
    }
}
