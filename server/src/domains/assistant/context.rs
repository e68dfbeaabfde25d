//! What of a conversation is sent along with a question: as much as has place within a number of
//! tokens. Pure.
//!
//! Tokens are estimated and not counted: `OPENAI_BASE_URL` may lead to any model, each with a
//! vocabulary of its own. Of English text about four characters are one token, of other scripts a
//! character is about one; a message costs a few on top. The estimate is on the high side of what
//! these models count, so that the bound holds.

use samewire_protocol::assistant::Role;

/// Tokens that a message costs besides its text.
const TOKENS_PER_MESSAGE: usize = 4;

/// ASCII characters of one token.
const ASCII_PER_TOKEN: usize = 4;

/// Something said, as the provider is told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) role: Role,
    pub(super) content: String,
}

/// How many tokens a message costs, by estimate.
pub(super) fn tokens(content: &str) -> usize {
    let ascii = content.bytes().filter(u8::is_ascii).count();
    let others = content.chars().filter(|character| !character.is_ascii()).count();
    ascii.div_ceil(ASCII_PER_TOKEN) + others + TOKENS_PER_MESSAGE
}

/// The latest messages that have place within `max_tokens`, in the order they were said; given the
/// newest first. The question itself, which is the first, is always among them. What was never
/// answered with a word says nothing and is left out.
pub(super) fn window(newest_first: impl IntoIterator<Item = Said>, max_tokens: usize) -> Vec<Said> {
    let mut used = 0;
    let mut window = Vec::new();
    for said in newest_first.into_iter().filter(|said| !said.content.is_empty()) {
        used += tokens(&said.content);
        if used > max_tokens && !window.is_empty() {
            break;
        }
        window.push(said);
    }
    // A conversation that begins with an answer is none to some providers.
    while window.len() > 1 && window.last().is_some_and(|said| said.role == Role::Assistant) {
        window.pop();
    }
    window.reverse();
    window
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(role: Role, content: &str) -> Said {
        Said { role, content: content.into() }
    }

    #[test]
    fn tokens_are_estimated_by_script() {
        assert_eq!(tokens(""), 4);
        assert_eq!(tokens("word"), 5);
        assert_eq!(tokens("words"), 6);
        assert_eq!(tokens("日本"), 6);
    }

    #[test]
    fn the_oldest_go_first_and_the_question_never() {
        let newest_first = || {
            [
                said(Role::User, "question"),
                said(Role::Assistant, "answer 2"),
                said(Role::User, "earlier2"),
                said(Role::Assistant, "answer 1"),
                said(Role::User, "earlier1"),
            ]
        };
        let contents = |max_tokens| {
            let window = window(newest_first(), max_tokens);
            window.into_iter().map(|said| said.content).collect::<Vec<_>>()
        };
        assert_eq!(contents(30), ["earlier1", "answer 1", "earlier2", "answer 2", "question"]);
        // An answer doesn't stand at the beginning.
        assert_eq!(contents(29), ["earlier2", "answer 2", "question"]);
        assert_eq!(contents(18), ["earlier2", "answer 2", "question"]);
        assert_eq!(contents(17), ["question"]);
        assert_eq!(contents(0), ["question"]);
    }

    #[test]
    fn an_answer_without_a_word_is_left_out() {
        let window =
            window([said(Role::User, "b"), said(Role::Assistant, ""), said(Role::User, "a")], 1000);
        assert_eq!(window, [said(Role::User, "a"), said(Role::User, "b")]);
    }
}
