//! What an event of a streamed answer says (OpenAI's chat completions, `stream: true`). Pure.

use serde::Deserialize;

/// What an event says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Delta {
    /// More of the answer.
    Text(String),
    /// Nothing more comes.
    Done,
    /// Something else, such as a tool call, thinking, figures, or what is no JSON: it goes on.
    Nothing,
    /// The provider failed.
    Failed,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It is whole.
    Whole,
    /// It became too long.
    TooLong,
    /// The rest was withheld.
    Withheld,
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    error: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u32,
    #[serde(default)]
    delta: Option<Content>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    content: Option<String>,
}

/// Reads the data of an event: the text in it and how the answer ends with it, if it does.
pub(super) fn read(data: &str) -> (Delta, Option<End>) {
    if data.trim() == "[DONE]" {
        return (Delta::Done, None);
    }
    let Ok(event) = serde_json::from_str::<Event>(data) else { return (Delta::Nothing, None) };
    if event.error.is_some() {
        return (Delta::Failed, None);
    }
    // Of several answers the first is taken.
    let Some(choice) = event.choices.into_iter().find(|choice| choice.index == 0) else {
        return (Delta::Nothing, None);
    };
    let end = choice.finish_reason.map(|reason| match reason.as_str() {
        "length" => End::TooLong,
        "content_filter" => End::Withheld,
        _ => End::Whole,
    });
    // A zero is no text to every database.
    let text = choice.delta.and_then(|delta| delta.content).map(|text| text.replace('\0', ""));
    match text {
        Some(text) if !text.is_empty() => (Delta::Text(text), end),
        _ => (Delta::Nothing, end),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Delta {
        Delta::Text(text.into())
    }

    #[test]
    fn each_kind_of_event_is_read() {
        for (data, expected) in [
            (r#"{"choices":[{"index":0,"delta":{"content":"Hi"}}]}"#, (text("Hi"), None)),
            (r#"{"choices":[{"delta":{"content":"Hi"}}]}"#, (text("Hi"), None)),
            (
                r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
                (Delta::Nothing, None),
            ),
            (r#"{"choices":[{"delta":{"content":null,"refusal":null}}]}"#, (Delta::Nothing, None)),
            (
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{"}}]}}]}"#,
                (Delta::Nothing, None),
            ),
            (r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#, (Delta::Nothing, None)),
            (r#"{"choices":[{"index":1,"delta":{"content":"another"}}]}"#, (Delta::Nothing, None)),
            (r#"{"choices":[{"delta":{"content":"a\u0000b"}}]}"#, (text("ab"), None)),
            (r#"{"choices":[],"usage":{"total_tokens":7}}"#, (Delta::Nothing, None)),
            (
                r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
                (Delta::Nothing, Some(End::Whole)),
            ),
            (
                r#"{"choices":[{"delta":{"content":"."},"finish_reason":"length"}]}"#,
                (text("."), Some(End::TooLong)),
            ),
            (
                r#"{"choices":[{"delta":null,"finish_reason":"content_filter"}]}"#,
                (Delta::Nothing, Some(End::Withheld)),
            ),
            (r#"{"error":{"message":"overloaded"}}"#, (Delta::Failed, None)),
            ("[DONE]", (Delta::Done, None)),
            ("{\"choices\":[{\"delta\":{\"content\":\"Hi", (Delta::Nothing, None)),
            ("<html>", (Delta::Nothing, None)),
        ] {
            assert_eq!(read(data), expected, "{data}");
        }
    }

    proptest! {
        #[test]
        fn no_data_makes_it_panic(data in ".*") {
            let _ = read(&data);
        }
    }
}
