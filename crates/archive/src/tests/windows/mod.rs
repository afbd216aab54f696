//! What names, links and attributes are on Windows.

mod names;
mod trees;

use super::*;

fn set_read_only(path: &Path, read_only: bool) {
    let mut permissions = path.metadata().unwrap().permissions();
    permissions.set_readonly(read_only);
    std::fs::set_permissions(path, permissions).unwrap();
}

/// Everything found: mode and name.
fn listed(place: &Place, dir: &str) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    let listing = Listing {
        recursive: true,
        skip: Vec::new(),
    };
    let root = Dir::open(&place.work()).unwrap();
    list(&root, dir.as_bytes(), &listing, &mut |one| {
        found.push((one.mode(), String::from_utf8_lossy(one.name).into_owned()));
        Ok(())
    })
    .unwrap();
    found
}
