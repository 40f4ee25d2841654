//! The search: every choice made rightly but one or two.

use std::ops::Index;

use super::{Diagnosis, Mistake};

/// What can be got wrong in one place: the right value, and what comes of each mistake.
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

/// Finds the fewest mistakes with which `gives_it`; it is told the index of each choice. those in `certain`
/// are there in any case.
pub(super) fn diagnose<const N: usize>(
    certain: Vec<Mistake>,
    choices: [&[Mistake]; N],
    gives_it: impl Fn([usize; N]) -> bool,
) -> Diagnosis {
    match fewest(choices.map(<[_]>::len), gives_it) {
        Some(picked) => {
            let wrong = choices.iter().zip(picked).filter_map(|(mistakes, index)| mistakes.get(index.checked_sub(1)?));
            let mistakes: Vec<_> = certain.into_iter().chain(wrong.cloned()).collect();
            if mistakes.is_empty() { Diagnosis::Right } else { Diagnosis::Explained(mistakes) }
        }
        None => {
            let mut tried: Vec<Mistake> = Vec::new();
            for mistake in choices.into_iter().flatten() {
                if !tried.contains(mistake) {
                    tried.push(mistake.clone());
                }
            }
            Diagnosis::Unexplained { certain, tried }
        }
    }
}

/// Where a mistake has more outcomes (a thousand milliseconds), it is not tried together with others.
const FEW: usize = 100;

fn fewest<const N: usize>(wrong: [usize; N], gives_it: impl Fn([usize; N]) -> bool) -> Option<[usize; N]> {
    let right = [0; N];
    let one_more = |made: [usize; N], from: usize| {
        (from..N).flat_map(move |choice| {
            (1..=wrong[choice]).map(move |index| {
                let mut picked = made;
                picked[choice] = index;
                (choice, picked)
            })
        })
    };
    let one_of_few = |made, from| one_more(made, from).filter(|(choice, _)| wrong[*choice] <= FEW);
    let pairs = || one_of_few(right, 0).flat_map(|(choice, picked)| one_of_few(picked, choice + 1));
    let picks = std::iter::once((0, right)).chain(one_more(right, 0)).chain(pairs());
    picks.map(|(_, picked)| picked).find(|picked| gives_it(*picked))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn one_mistake_goes_before_two() {
        let seen = RefCell::new(Vec::new());
        let found = fewest([2, 0, 1], |picked| {
            seen.borrow_mut().push(picked);
            false
        });
        assert_eq!(found, None);
        assert_eq!(seen.into_inner(), [[0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 0, 1], [1, 0, 1], [2, 0, 1]]);
        assert_eq!(fewest([FEW + 1, 1], |picked| picked == [FEW + 1, 0]), Some([FEW + 1, 0]));
        assert_eq!(fewest([FEW + 1, 1], |picked| picked == [1, 1]), None);
        assert_eq!(fewest([FEW, 1], |picked| picked == [FEW, 1]), Some([FEW, 1]));
    }
}
