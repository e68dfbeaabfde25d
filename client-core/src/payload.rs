//! The values that pass through: JavaScript's in a browser, `serde_json`'s in a test.

use std::fmt::Debug;

use crate::{FrameWriter, Place, Text};

/// A JSON value that the client passes along, and looks into only where it must.
///
/// A cheap handle: it is cloned freely, and what it points at is never copied in here. Where nobody counts
/// the clones, [`Client::holds`](crate::Client::holds) names those that there are.
pub trait Payload: Clone {
    /// What its texts are.
    type Text: Text;

    /// What is to be sent, a frame or a payload as JSON, with the binary values that placeholders in it
    /// stand for.
    type Message: Debug;

    /// What such a message is written by.
    type Writer: FrameWriter<Self>;

    /// How many binary values there are.
    fn attachments(message: &Self::Message) -> usize;

    /// Lets go of a message at once, where that would else wait until the client is asked what it holds.
    fn let_go(_: Self::Message) {}

    /// An object of these two texts, `code` and `message`.
    fn error(code: &Self::Text, message: &Self::Text) -> Self;

    /// A field of an object. Nothing where it is missing or `null`, or this is no object.
    fn field(&self, name: &'static str) -> Option<Self>;

    /// An item of an array.
    fn item(&self, index: usize) -> Option<Self>;

    /// The text, if it is one.
    fn text(&self) -> Option<Self::Text>;

    /// The number, if it is one.
    fn number(&self) -> Option<f64>;

    /// The truth value, if it is one.
    fn flag(&self) -> Option<bool>;

    /// How many bytes it is, if it is binary.
    fn byte_length(&self) -> usize;

    /// The same value with each placeholder in it replaced by the attachment it names. Nothing
    /// where one names an attachment that isn't there.
    fn with_attachments(self, attachments: &[Self]) -> Option<Self>;

    /// The whole number from 0 on, if it is one that JSON holds exactly.
    fn count(&self) -> Option<u64> {
        let number = self.number()?;
        (number.fract() == 0.0 && (0.0..=MAX_COUNT).contains(&number)).then_some(number as u64)
    }

    /// The text of a field.
    fn text_of(&self, name: &'static str) -> Option<Self::Text> {
        self.field(name)?.text()
    }

    /// The items of an array; nothing of what is none.
    fn items(&self) -> impl Iterator<Item = Self> {
        (0..).map_while(|index| self.item(index))
    }

    /// Reads the arguments of an event: its name, its payload, and where it belongs.
    fn event(&self, ack: Option<u64>) -> Option<Box<Arrived<Self>>> {
        let place = self.item(2).and_then(|meta| Place::read(&meta));
        Some(Box::new(Arrived {
            name: self.item(0)?.text()?,
            payload: self.item(1),
            args: self.item(2).filter(|_| place.is_none()).map(|_| self.clone()),
            place,
            ack,
        }))
    }
}

const MAX_COUNT: f64 = samewire_protocol::SafeInteger::MAX as f64;

/// An event as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrived<P: Payload> {
    /// Its name.
    pub name: P::Text,
    /// Its payload, if it has one.
    pub payload: Option<P>,
    /// Its place in a room's log. None where it was sent to this connection alone, or the server
    /// keeps no logs.
    pub place: Option<Place<P::Text>>,
    /// `[name, …arguments]`, where another server sent more than a payload.
    pub args: Option<P>,
    /// The number that [`Client::acknowledge`](crate::Client::acknowledge) takes, where the server
    /// wants to hear.
    pub ack: Option<u64>,
}

/// Is told what a client holds, each time that it holds it.
pub trait Holdings<P: Payload> {
    /// A value.
    fn value(&mut self, value: &P);

    /// A text.
    fn text(&mut self, text: &P::Text);

    /// A payload that waits to be sent.
    fn message(&mut self, message: &P::Message);
}

impl<P: Payload> Arrived<P> {
    pub(crate) fn holds(&self, holdings: &mut impl Holdings<P>) {
        holdings.text(&self.name);
        if let Some(payload) = &self.payload {
            holdings.value(payload);
        }
        if let Some(args) = &self.args {
            holdings.value(args);
        }
        if let Some(place) = &self.place {
            holdings.text(&place.room);
            holdings.text(&place.position.epoch);
        }
    }
}

/// Says whether values fit their types. Generated from the protocol; what it doesn't know, fits.
pub trait Checks<P: Payload> {
    /// Checks the payload of an event that the server sent.
    ///
    /// # Errors
    /// What doesn't fit, and where: `rows[1].id: expected a string`.
    fn payload(&self, event: &P::Text, payload: Option<&P>) -> Result<(), P::Text>;

    /// Checks what an event of ours was answered with.
    ///
    /// # Errors
    /// The same.
    fn answer(&self, event: &P::Text, answer: Option<&P>) -> Result<(), P::Text>;
}

/// Lets everything pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoChecks;

impl<P: Payload> Checks<P> for NoChecks {
    fn payload(&self, _: &P::Text, _: Option<&P>) -> Result<(), P::Text> {
        Ok(())
    }

    fn answer(&self, _: &P::Text, _: Option<&P>) -> Result<(), P::Text> {
        Ok(())
    }
}
