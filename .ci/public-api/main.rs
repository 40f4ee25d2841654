//! Prints the public API that rustdoc's JSON describes, one item a line: `koogallery-public-api FILE`.

use std::collections::HashSet;
use std::error::Error;
use std::io::Write;

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args_os().nth(1).ok_or("the JSON file is missing")?;
    let listing = |derived: bool| -> Result<Vec<String>, public_api::Error> {
        let api = public_api::Builder::from_rustdoc_json(&file)
            .omit_blanket_impls(true)
            .omit_auto_trait_impls(true)
            .omit_auto_derived_impls(!derived)
            .build()?;
        Ok(api.items().map(ToString::to_string).collect())
    };
    // That a trait is derived counts; its methods are known.
    let written: HashSet<String> = listing(false)?.into_iter().collect();
    let mut out = std::io::stdout().lock();
    for item in listing(true)? {
        let derived = item.starts_with("impl") && !item.contains("StructuralPartialEq");
        if derived || written.contains(&item) {
            writeln!(out, "{item}")?;
        }
    }
    Ok(())
}
