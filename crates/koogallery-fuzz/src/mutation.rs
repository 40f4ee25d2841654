//! Mutations of inputs, from a seed: the same ones at every run.

/// What parsers stumble over.
const WORDS: [&[u8]; 32] = [
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"\"\"",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"%00",
    b"%2B",
    b"%",
    b"%zz",
    b"+",
    b"&",
    b"=",
    b"&&",
    b"1e999",
    b"-1",
    b"0.1",
    b"99999999999999999999",
    b"\0",
    b"\r\n",
    b"\xff",
    b"\xef\xbb\xbf",
    "\u{4e2d}\u{6587}".as_bytes(),
    "\u{1f600}".as_bytes(),
    b"{\"a\":",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"timeStamp",
    b"2025010",
    b"<!DOCTYPE a>",
];

/// Makes inputs of seeds.
#[derive(Clone, Debug)]
pub struct Mutator(u64);

impl Mutator {
    /// Creates a mutator whose inputs depend on the seed alone.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number below a limit.
    fn below(&mut self, limit: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as usize
    }

    /// Returns one of the inputs, changed in one to four places.
    pub fn mutate(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut data = inputs.get(self.below(inputs.len())).cloned().unwrap_or_default();
        for _ in 0..=self.below(4) {
            self.change(&mut data, inputs);
        }
        data
    }

    fn change(&mut self, data: &mut Vec<u8>, inputs: &[Vec<u8>]) {
        let at = self.below(data.len() + 1);
        let end = (at + self.below(16)).min(data.len());
        match self.below(8) {
            0 => data.truncate(at),
            1 => drop(data.drain(at..end)),
            2 => {
                let copied = data[at..end].to_vec();
                data.splice(at..at, copied);
            }
            3 | 4 => {
                let word = WORDS[self.below(WORDS.len())];
                let replaced = if self.below(2) == 0 { at..at } else { at..end };
                data.splice(replaced, word.iter().copied());
            }
            5 => {
                let bit = 1 << self.below(8);
                if let Some(byte) = data.get_mut(at) {
                    *byte ^= bit;
                }
            }
            6 => {
                if let Some(byte) = data.get_mut(at) {
                    *byte = b"\"{}[]:,&=%+0 9.-eE"[at % 18];
                }
            }
            _ => {
                if let Some(other) = inputs.get(self.below(inputs.len())) {
                    let from = self.below(other.len() + 1);
                    data.splice(at.., other[from..].iter().copied());
                }
            }
        }
    }
}
