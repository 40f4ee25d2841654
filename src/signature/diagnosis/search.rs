//! The search: every choice is the right one but for one or two.

use std::collections::HashSet;
use std::ops::Index;

use super::{Diagnosis, Mistake};

/// Possible values in one place: the right one, and the outcome of each mistake.
pub(super) struct Choice<T> {
    values: Vec<T>,
    mistakes: Vec<Mistake>,
}

impl<T> Choice<T> {
    pub(super) fn right(value: T) -> Self {
        Self { values: vec![value], mistakes: Vec::new() }
    }

    pub(super) fn or(mut self, mistake: Mistake, value: T) -> Self {
        self.values.push(value);
        self.mistakes.push(mistake);
        self
    }

    pub(super) fn or_each(self, wrong: impl IntoIterator<Item = (Mistake, T)>) -> Self {
        wrong.into_iter().fold(self, |choice, (mistake, value)| choice.or(mistake, value))
    }

    pub(super) fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl<T> Index<usize> for Choice<T> {
    type Output = T;

    /// The right value at 0.
    fn index(&self, index: usize) -> &T {
        &self.values[index]
    }
}

/// Finds the fewest mistakes with which `gives_it`, which takes the index of each choice. Those in `certain` are there
/// in any case. A try hashes so many `bytes`, which limits how many are made.
pub(super) fn diagnose(
    certain: Vec<Mistake>,
    choices: &[&[Mistake]],
    bytes: usize,
    gives_it: impl Fn(&[usize]) -> bool,
) -> Diagnosis {
    let wrong: Vec<usize> = choices.iter().map(|mistakes| mistakes.len()).collect();
    match fewest(&wrong, MOST_BYTES / bytes.max(LEAST_BYTES), gives_it) {
        Some(picked) => {
            let wrong = choices.iter().zip(picked).filter_map(|(mistakes, index)| mistakes.get(index.checked_sub(1)?));
            let mistakes = each_once(certain.iter().chain(wrong));
            if mistakes.is_empty() { Diagnosis::Right } else { Diagnosis::Explained(mistakes) }
        }
        None => Diagnosis::Unexplained { certain, tried: each_once(choices.iter().copied().flatten()) },
    }
}

/// Makes a signature with the mistakes at these indices; `None` where they do not apply.
pub(super) type Make<'a> = dyn Fn(&[usize]) -> Option<Vec<u8>> + 'a;

/// The right signature, and those with a mistake in them.
pub(super) type Mistaken = (Option<Vec<u8>>, Vec<(Mistake, Vec<u8>)>);

/// Makes a signature with each mistake alone. Mistakes with very many outcomes are left out.
pub(super) fn each(choices: &[&[Mistake]], make: &Make<'_>) -> Mistaken {
    let picked_right = vec![0; choices.len()];
    let right = make(&picked_right);
    let mut seen: HashSet<_> = right.iter().cloned().collect();
    let mut made = Vec::new();
    for (choice, mistakes) in choices.iter().enumerate().filter(|(_, mistakes)| mistakes.len() <= FEW) {
        for (index, mistake) in mistakes.iter().enumerate() {
            let mut picked = picked_right.clone();
            picked[choice] = index + 1;
            // Where a mistake changes nothing, the signature is right nevertheless.
            made.extend(
                make(&picked).filter(|signature| seen.insert(signature.clone())).map(|it| (mistake.clone(), it)),
            );
        }
    }
    (right, made)
}

fn each_once<'m>(mistakes: impl Iterator<Item = &'m Mistake>) -> Vec<Mistake> {
    let mut seen = HashSet::new();
    mistakes.filter(|mistake| seen.insert(*mistake)).cloned().collect()
}

/// A mistake with more outcomes (a thousand milliseconds) is not tried together with others.
const FEW: usize = 100;

/// For a body of a megabyte every mistake is tried alone, and few together.
const MOST_BYTES: usize = 512 << 20;

/// Least cost of a try.
const LEAST_BYTES: usize = 1024;

fn fewest(wrong: &[usize], most: usize, gives_it: impl Fn(&[usize]) -> bool) -> Option<Vec<usize>> {
    let right = vec![0; wrong.len()];
    let one_more = |made: Vec<usize>, from: usize| {
        (from..wrong.len()).flat_map(move |choice| {
            let made = made.clone();
            (1..=wrong[choice]).map(move |index| {
                let mut picked = made.clone();
                picked[choice] = index;
                (choice, picked)
            })
        })
    };
    let one_of_few = |made, from| one_more(made, from).filter(|(choice, _)| wrong[*choice] <= FEW);
    let pairs = || one_of_few(right.clone(), 0).flat_map(|(choice, picked)| one_of_few(picked, choice + 1));
    let picks = std::iter::once((0, right.clone())).chain(one_more(right.clone(), 0)).chain(pairs());
    picks.take(most).map(|(_, picked)| picked).find(|picked| gives_it(picked))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn one_mistake_goes_before_two() {
        let seen = RefCell::new(Vec::new());
        let found = fewest(&[2, 0, 1], 100, |picked| {
            seen.borrow_mut().push(picked.to_vec());
            false
        });
        assert_eq!(found, None);
        assert_eq!(seen.into_inner(), [[0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 0, 1], [1, 0, 1], [2, 0, 1]]);
        assert_eq!(fewest(&[FEW + 1, 1], FEW + 2, |picked| picked == [FEW + 1, 0]), Some(vec![FEW + 1, 0]));
        assert_eq!(fewest(&[FEW + 1, 1], 1000, |picked| picked == [1, 1]), None);
        assert_eq!(fewest(&[FEW, 1], 1000, |picked| picked == [FEW, 1]), Some(vec![FEW, 1]));
        assert_eq!(fewest(&[FEW, 1], FEW, |picked| picked == [FEW, 0]), None);
    }
}
