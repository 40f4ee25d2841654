//! Usage in an answer to the gateway.

use serde::{Deserialize, Serialize};

use crate::amount::Amount;

/// An answer and the usage that it is billed by, as one JSON object.
///
/// The documents do not state where and how a streamed answer reports its usage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MeteredResponse<T> {
    /// The seller's own answer; serializes to an object without `usage` and `transcripts`.
    #[serde(flatten)]
    pub answer: T,
    /// The usage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Length of the transcribed speech.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcripts: Option<Transcripts>,
}

impl<T> MeteredResponse<T> {
    /// An answer billed by its usage.
    pub fn new(answer: T, usage: Usage) -> Self {
        Self { answer, usage: Some(usage), transcripts: None }
    }

    /// An answer billed by the length of speech.
    pub fn transcribed(answer: T, transcripts: Transcripts) -> Self {
        Self { answer, usage: None, transcripts: Some(transcripts) }
    }
}

/// The `usage` object.
///
/// The members that count are chosen where the product is published: older texts know the three of [`Usage::tokens`]
/// only.
/// **Usage that is not reported is not billed.**
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Usage {
    /// Tokens of the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_tokens: Option<u64>,
    /// Both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<u64>,
    /// Tokens of the question, under its other name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens of the answer, under its other name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Images made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_count: Option<u64>,
    /// Length of video in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_duration: Option<Amount>,
}

impl Usage {
    /// `prompt_tokens`, `completion_tokens` and their sum.
    pub fn tokens(prompt: u64, completion: u64) -> Self {
        Self {
            prompt_tokens: Some(prompt),
            completion_tokens: Some(completion),
            total_tokens: Some(prompt.saturating_add(completion)),
            ..Self::default()
        }
    }

    /// `input_tokens` and `output_tokens`, for products published with these names.
    pub fn input_output_tokens(input: u64, output: u64) -> Self {
        Self { input_tokens: Some(input), output_tokens: Some(output), ..Self::default() }
    }

    /// Adds images.
    #[must_use]
    pub fn with_images(mut self, count: u64) -> Self {
        self.image_count = Some(count);
        self
    }

    /// Adds video.
    #[must_use]
    pub fn with_video_seconds(mut self, seconds: impl Into<Amount>) -> Self {
        self.video_duration = Some(seconds.into());
        self
    }
}

/// The `transcripts` object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Transcripts {
    /// Length of the speech in milliseconds.
    pub content_duration_in_milliseconds: u64,
}

impl Transcripts {
    /// Speech of this length.
    pub const fn new(content_duration_in_milliseconds: u64) -> Self {
        Self { content_duration_in_milliseconds }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_string};

    use super::*;

    /// The document's sample, with the data left out.
    #[test]
    fn usage_stands_beside_the_answer() {
        let answer = MeteredResponse::new(json!({"data": "x"}), Usage::tokens(31, 217));
        let expected = r#"{"data":"x","usage":{"prompt_tokens":31,"completion_tokens":217,"total_tokens":248}}"#;
        assert_eq!(to_string(&answer).unwrap(), expected);
    }

    #[test]
    fn every_selectable_field_has_its_place() {
        let usage =
            Usage::input_output_tokens(1, 2).with_images(3).with_video_seconds("4.5".parse::<Amount>().unwrap());
        let expected = r#"{"input_tokens":1,"output_tokens":2,"image_count":3,"video_duration":4.5}"#;
        assert_eq!(to_string(&usage).unwrap(), expected);
        assert_eq!(serde_json::from_str::<Usage>(expected).unwrap(), usage);
        let speech = MeteredResponse::transcribed(json!({}), Transcripts::new(1500));
        assert_eq!(to_string(&speech).unwrap(), r#"{"transcripts":{"content_duration_in_milliseconds":1500}}"#);
    }

    #[test]
    fn the_sum_does_not_overflow() {
        assert_eq!(Usage::tokens(u64::MAX, 1).total_tokens, Some(u64::MAX));
    }
}
