//! The README's table of variables is held against the code.

use std::collections::BTreeSet;

use super::{environment, read};
use crate::settings::{load, variables};

/// The table's rows: variable, meaning, unit, default, range.
fn rows() -> Vec<Vec<String>> {
    let readme = include_str!("../../../README.md");
    let section = readme.split("\n## Configuration\n").nth(1).expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

fn code(cell: &str) -> &str {
    cell.split('`').nth(1).unwrap_or(cell)
}

#[test]
fn every_variable_has_its_row() {
    let rows = rows();
    let told: BTreeSet<String> = rows.iter().map(|row| code(&row[0]).to_owned()).collect();
    assert_eq!(told, variables().into_iter().collect());
    assert_eq!(rows.len(), told.len(), "none twice");
    for row in rows {
        assert_eq!(row.iter().filter(|cell| !cell.is_empty()).count(), 5, "{row:?}");
    }
}

#[test]
fn the_defaults_are_what_the_table_says() {
    let unset = format!("{:?}", read(&[]));
    let mut checked = 0;
    for row in rows() {
        // Words say what cannot be written into a variable.
        if !row[3].starts_with('`') || row[0] == "`SNOWMELT_CONFIG_DIR`" {
            continue;
        }
        let set = format!("{:?}", read(&[(code(&row[0]), code(&row[3]))]));
        assert_eq!(set, unset, "{row:?}");
        checked += 1;
    }
    assert!(checked > 25, "{checked}");
}

/// `A to B`, both in code: what is there is taken, if the other options allow
/// for it.
#[test]
fn the_ranges_are_what_the_table_says() {
    let mut checked = 0;
    for row in rows() {
        let Some((least, most)) = row[4].split_once(" to ") else { continue };
        for bound in [least, most] {
            if !bound.starts_with('`') {
                continue;
            }
            // Options whose bounds are each other's.
            let (wide, long) = (("SNOWMELT_MAX_LAG", "49d"), ("SNOWMELT_TTL_MAX", "49d"));
            let others = [wide, long, ("SNOWMELT_RETENTION", "366d"), ("SNOWMELT_MARGIN", "1s")];
            let name = code(&row[0]);
            let mut variables: Vec<_> = others.into_iter().filter(|(other, _)| *other != name).collect();
            if name == "SNOWMELT_MAX_LAG" {
                variables.push(("SNOWMELT_CATCH_UP_EVERY", "1ms"));
            }
            if name == "SNOWMELT_TTL_MAX" || name == "SNOWMELT_TTL" {
                variables.retain(|(other, _)| *other != "SNOWMELT_TTL_MAX");
                variables.push(("SNOWMELT_TTL_MIN", "1ms"));
            }
            variables.push((name, code(bound)));
            load(&environment(&variables)).unwrap_or_else(|error| panic!("{row:?}: {error}"));
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked}");
}
