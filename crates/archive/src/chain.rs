//! The way to the last directory, kept open: the next member mostly lies there or near by.

use std::io;

use crate::Dir;

/// Open directories from the tree's top down to the last one that was asked for.
pub(crate) struct Chain<'a> {
    root: &'a Dir,
    way: Vec<(Vec<u8>, Dir)>,
}

impl<'a> Chain<'a> {
    pub fn new(root: &'a Dir) -> Self {
        Self {
            root,
            way: Vec::new(),
        }
    }

    /// The directory at `parts`, made with its parents where missing (mode 0755). No symbolic link is followed.
    pub fn to(&mut self, parts: &[&[u8]]) -> io::Result<&Dir> {
        let shared = self
            .way
            .iter()
            .zip(parts)
            .take_while(|((name, _), part)| name == *part)
            .count();
        self.way.truncate(shared);
        for part in &parts[shared..] {
            let at = self.way.last().map_or(self.root, |(_, dir)| dir);
            let below = at.enter(part, true)?;
            self.way.push((part.to_vec(), below));
        }
        Ok(self.way.last().map_or(self.root, |(_, dir)| dir))
    }
}
