//! The search: every choice is the right one but for one or two.

use std::cell::Cell;
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

/// Bytes that may still be hashed and written for pairs of mistakes. Single mistakes are tried whatever they cost.
pub(super) struct Budget(Cell<Option<usize>>);

impl Budget {
    /// For a body of a megabyte two hundred pairs, and all those that need no more than digests made before.
    const OF_PAIRS: usize = 256 << 20;

    pub(super) const fn new() -> Self {
        Self(Cell::new(None))
    }

    fn begin_pairs(&self) {
        self.0.set(Some(Self::OF_PAIRS));
    }

    /// Takes the cost of an attempt; `None` if too little is left for it.
    pub(super) fn spend(&self, bytes: usize) -> Option<()> {
        if let Some(left) = self.0.get() {
            self.0.set(Some(left.checked_sub(bytes)?));
        }
        Some(())
    }
}

/// Finds the fewest mistakes with which `gives_it`, which takes the index of each choice. Those in `certain` are there
/// in any case.
pub(super) fn diagnose(
    certain: Vec<Mistake>,
    choices: &[&[Mistake]],
    budget: &Budget,
    gives_it: impl Fn(&[usize]) -> bool,
) -> Diagnosis {
    let wrong: Vec<usize> = choices.iter().map(|mistakes| mistakes.len()).collect();
    match fewest(&wrong, budget, gives_it) {
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

fn fewest(wrong: &[usize], budget: &Budget, gives_it: impl Fn(&[usize]) -> bool) -> Option<Vec<usize>> {
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
    let pairs = one_of_few(right.clone(), 0).flat_map(|(choice, picked)| one_of_few(picked, choice + 1));
    let mut at_most_one = std::iter::once((0, right.clone())).chain(one_more(right.clone(), 0));
    let found = at_most_one.find(|(_, picked)| gives_it(picked)).or_else(|| {
        budget.begin_pairs();
        { pairs }.find(|(_, picked)| gives_it(picked))
    });
    found.map(|(_, picked)| picked)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn one_mistake_goes_before_two() {
        let seen = RefCell::new(Vec::new());
        let found = fewest(&[2, 0, 1], &Budget::new(), |picked| {
            seen.borrow_mut().push(picked.to_vec());
            false
        });
        assert_eq!(found, None);
        assert_eq!(seen.into_inner(), [[0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 0, 1], [1, 0, 1], [2, 0, 1]]);
        let find = |wrong: &[usize], sought: &[usize]| fewest(wrong, &Budget::new(), |picked| picked == sought);
        assert_eq!(find(&[FEW + 1, 1], &[FEW + 1, 0]), Some(vec![FEW + 1, 0]));
        assert_eq!(find(&[FEW + 1, 1], &[1, 1]), None);
        assert_eq!(find(&[FEW, 1], &[FEW, 1]), Some(vec![FEW, 1]));
    }

    #[test]
    fn pairs_that_cost_too_much_are_left_out_and_the_cheap_ones_are_tried() {
        let budget = Budget::new();
        let cost = |picked: &[usize]| if picked[0] == 1 { Budget::OF_PAIRS } else { 1 };
        let find = |sought: &[usize]| {
            fewest(&[2, 1], &budget, |picked| budget.spend(cost(picked)).is_some() && picked == sought)
        };
        assert_eq!(find(&[1, 0]), Some(vec![1, 0]));
        assert_eq!(find(&[1, 1]), Some(vec![1, 1]));
        budget.begin_pairs();
        assert_eq!(budget.spend(1), Some(()));
        assert_eq!(budget.spend(Budget::OF_PAIRS), None);
        assert_eq!(budget.spend(Budget::OF_PAIRS - 1), Some(()));
        assert_eq!(budget.spend(1), None);
    }
}
