//! From a path of the spec, as a message names it, to its place in what a user wrote.

use super::tree::Tree;

/// Follows a path of the spec (`schedules[1].schedule`) as deep as the tree goes. Of an entry, whose
/// tree is the spec itself, nothing if it does not go there at all.
pub fn deepest<'t>(tree: &'t Tree, path: &str, is_entry: bool) -> Option<&'t Tree> {
    let mut found = if is_entry {
        Some(tree)
    } else {
        tree.get("spec")
    };
    for step in path.split(['.', '[']) {
        let below = found.and_then(|tree| match step.strip_suffix(']') {
            Some(index) => tree.item(index.parse().ok()?),
            None if is_entry && step == "schedule" => tree.get("cron").or(tree.get(step)),
            None if is_entry && step == "template" => tree.get("pod").or(tree.get(step)),
            // A pod may be written as its spec alone.
            None if is_entry && step == "spec" => tree.get(step).or(Some(tree)),
            None => tree.get(step),
        });
        match below {
            Some(below) => found = Some(below),
            None => break,
        }
    }
    found.filter(|found| !(is_entry && std::ptr::eq(*found, tree)))
}
