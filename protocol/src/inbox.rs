//! Messages of many platforms in one inbox (wire.md, section 10).

use std::collections::BTreeMap;

use crate::{
    Timestamp, events,
    id::{ConversationId, MessageId},
    room::USER,
};

events! {
    /// Messages of many platforms in one inbox (wire.md, section 10).
    domain INBOX = "inbox";

    /// A message came in. Each connection is asked to acknowledge it: the first that does says that
    /// it was delivered.
    server "new_message" in [USER];
    pub struct NewMessage {
        /// The message.
        pub message: InboxMessage,
        /// Its conversation as it is now.
        pub conversation: Option<InboxConversation>,
        /// When.
        pub timestamp: Timestamp,
    }

    /// A message was delivered or read.
    server "message_status_update" in [USER];
    pub struct MessageStatusUpdate {
        /// The message.
        pub message_id: MessageId,
        /// Its conversation.
        pub conversation_id: ConversationId,
        /// What became of it.
        pub status: MessageStatus,
        /// When.
        pub timestamp: Timestamp,
    }

    /// The number of unread messages changed.
    server "unread_count_update" in [USER];
    pub struct UnreadCountUpdate {
        /// Unread messages of each platform.
        pub unread_counts: BTreeMap<String, u32>,
        /// Unread messages in all.
        pub total_unread: u32,
        /// When.
        pub timestamp: Timestamp,
    }

    /// A conversation changed.
    server "conversation_update" in [USER];
    pub struct ConversationUpdate {
        /// The conversation as it is now.
        pub conversation: InboxConversation,
        /// When.
        pub timestamp: Timestamp,
    }

    /// A message of a platform.
    pub struct InboxMessage {
        /// Names it.
        pub id: MessageId,
        /// Its conversation.
        pub conversation_id: ConversationId,
        /// Where it came from.
        pub platform: Platform,
        /// What the platform calls it.
        pub external_message_id: String,
        /// Who sent it.
        pub sender: Sender,
        /// What it says.
        pub text: String,
        /// When it was sent.
        pub sent_at: Timestamp,
        /// What became of it; nothing yet where it is missing.
        pub status: Option<MessageStatus>,
    }

    /// Who sent a message, in the platform's words.
    pub struct Sender {
        /// Names them.
        pub id: String,
        /// What they are called.
        pub name: Option<String>,
    }

    /// A conversation on a platform.
    pub struct InboxConversation {
        /// Names it.
        pub id: ConversationId,
        /// Where it takes place.
        pub platform: Platform,
        /// What the platform calls it.
        pub external_conversation_id: String,
        /// What it is called: the other's name, where the platform told it.
        pub title: String,
        /// The last message's text.
        pub last_message: Option<String>,
        /// When the last message was sent.
        pub last_message_at: Option<Timestamp>,
        /// Unread messages in it.
        pub unread_count: u32,
    }

    /// How far a message got. It only moves forward.
    #[derive(Copy, Eq, PartialOrd, Ord)]
    pub enum MessageStatus {
        /// It reached the user.
        Delivered,
        /// The user read it.
        Read,
    }

    /// The platforms that are known, or another string.
    #[derive(Eq)]
    pub enum Platform {
        /// WhatsApp.
        WhatsApp,
        /// Telegram.
        Telegram,
        /// Instagram.
        Instagram,
        /// Messenger.
        Messenger,
        /// Text messages.
        Sms,
        /// E-mail.
        Email,
        /// Slack.
        Slack,
        /// Discord.
        Discord,
        /// Another one.
        #[serde(untagged)]
        Other(String),
    }
}
