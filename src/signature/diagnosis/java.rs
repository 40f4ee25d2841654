//! The order in which Java's `HashMap` gives its entries.

/// Origin of the size of a map's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// 16 buckets, doubled whenever they were three quarters full.
    Grown,
    /// Made for the size of another map, from which it was copied.
    Copied,
    /// The same since Java 19, which no longer leaves room for one more.
    CopiedSince19,
}

impl Table {
    pub(super) const ALL: [Self; 3] = [Self::Grown, Self::Copied, Self::CopiedSince19];

    fn buckets(self, entries: usize) -> usize {
        match self {
            Self::Grown => {
                let least = (entries * 4).div_ceil(3).next_power_of_two();
                least.max(16)
            }
            Self::Copied => (entries * 4 / 3 + 1).next_power_of_two(),
            Self::CopiedSince19 => (entries * 4).div_ceil(3).next_power_of_two(),
        }
    }
}

/// The places of names that were inserted one after the other, bucket by bucket. Names that share a bucket stay in the
/// order of insertion.
pub(super) fn hash_order<'n>(names: impl ExactSizeIterator<Item = &'n str>, table: Table) -> Vec<usize> {
    let last_bucket = table.buckets(names.len()) - 1;
    let mut places: Vec<(usize, usize)> = names.map(|name| spread(name) as usize & last_bucket).zip(0..).collect();
    places.sort_unstable();
    places.into_iter().map(|(_, at)| at).collect()
}

/// `String.hashCode()`, its upper half mixed into the lower.
fn spread(name: &str) -> u32 {
    let hash = name.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Java 17 gives them.
    #[test]
    fn the_order_of_a_hash_map() {
        let order = |names: &[&str], table| hash_order(names.iter().copied(), table);
        let new_instance = ["activity", "businessId", "orderId", "orderLineId", "testFlag"];
        assert_eq!(order(&new_instance, Table::Grown), [4, 0, 2, 1, 3]);
        assert_eq!(order(&new_instance, Table::Copied), [1, 4, 0, 3, 2]);
        let equal_hashes = ["Aa", "BB", "名", "a😀", "C#", "AaAa", "BBBB", "AaBB"];
        assert_eq!(order(&equal_hashes, Table::Grown), [0, 1, 4, 3, 2, 5, 6, 7]);
        assert_eq!(order(&[], Table::Copied), [0_usize; 0]);

        let many: Vec<String> = (0..25).map(|number| format!("m{}", number * 5)).collect();
        let of = |count: usize, table| hash_order(many[..count].iter().map(String::as_str), table);
        assert_eq!(of(3, Table::Grown), [0, 1, 2]);
        assert_eq!(of(3, Table::Copied), [1, 0, 2]);
        assert_eq!(of(6, Table::Copied), [3, 5, 0, 1, 4, 2]);
        assert_eq!(of(12, Table::Grown), [3, 5, 0, 1, 8, 10, 4, 6, 11, 2, 7, 9]);
        assert_eq!(of(12, Table::Copied), [0, 1, 8, 10, 4, 6, 11, 2, 7, 9, 3, 5]);
        assert_eq!(of(13, Table::Grown), [0, 12, 1, 8, 10, 4, 6, 11, 2, 7, 9, 3, 5]);
        let grown = [0, 16, 18, 12, 14, 1, 8, 19, 10, 4, 15, 6, 17, 11, 2, 13, 7, 9, 3, 5, 22, 20, 23, 21];
        assert_eq!(of(24, Table::Grown), grown);
        let copied = [18, 14, 19, 10, 15, 6, 11, 2, 7, 3, 20, 21, 0, 16, 12, 1, 8, 4, 17, 13, 9, 5, 22, 23];
        assert_eq!(of(24, Table::Copied), copied);
        let grown = [18, 14, 19, 10, 15, 6, 11, 2, 7, 3, 24, 20, 21, 0, 16, 12, 1, 8, 4, 17, 13, 9, 5, 22, 23];
        assert_eq!(of(25, Table::Grown), grown);
        assert_eq!([3, 6, 12, 13].map(|count| Table::CopiedSince19.buckets(count)), [4, 8, 16, 32]);
    }
}
