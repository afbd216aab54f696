//! Avro's binary encoding, walked over and not decoded: nothing is allocated, and the work is
//! bounded by the message's length.

use super::{Avro, DEEPEST, Type, TypeId};

/// Steps that a message may take beyond a number of its bytes: items without bytes, such as nulls,
/// are only counted.
const SPARE_STEPS: usize = 100_000;
const STEPS_A_BYTE: usize = 16;

struct Walk<'a> {
    rest: &'a [u8],
    steps: usize,
}

impl Avro {
    /// Says what does not fit. A message ends where its schema does.
    pub fn check_binary(&self, data: &[u8]) -> Result<(), String> {
        let mut walk = Walk {
            rest: data,
            steps: data.len().saturating_mul(STEPS_A_BYTE) + SPARE_STEPS,
        };
        self.walk(self.root, &mut walk, DEEPEST)?;
        match walk.rest.len() {
            0 => Ok(()),
            more => Err(format!(
                "too much data for the schema: {more} bytes are left"
            )),
        }
    }

    fn walk(&self, of: TypeId, walk: &mut Walk<'_>, depth: usize) -> Result<(), String> {
        let depth = depth
            .checked_sub(1)
            .ok_or_else(|| format!("nested deeper than {DEEPEST}"))?;
        walk.step()?;
        match self.get(of) {
            Type::Null => Ok(()),
            Type::Boolean => match walk.take(1)? {
                [0 | 1] => Ok(()),
                other => Err(format!("{other:?} is no boolean")),
            },
            Type::Int => {
                let number = walk.number()?;
                let fits = i32::try_from(number).map(|_| ());
                fits.map_err(|_| format!("{number} is no int"))
            }
            Type::Long => walk.number().map(|_| ()),
            Type::Float => walk.take(4).map(|_| ()),
            Type::Double => walk.take(8).map(|_| ()),
            Type::Bytes => walk.counted().map(|_| ()),
            Type::String => walk.text(),
            Type::Fixed { size, .. } => walk.take(*size).map(|_| ()),
            Type::Enum { name, symbols, .. } => walk.index(symbols.len(), name).map(|_| ()),
            Type::Union(branches) => {
                let branch = walk.index(branches.len(), "union")?;
                self.walk(branches[branch], walk, depth)
            }
            Type::Record { fields, .. } => fields.iter().try_for_each(|field| {
                self.walk(field.of, walk, depth)
                    .map_err(|problem| format!("{}: {problem}", field.name))
            }),
            Type::Array(items) => walk.blocks(|walk| self.walk(*items, walk, depth)),
            Type::Map(values) => walk.blocks(|walk| {
                walk.text()?;
                self.walk(*values, walk, depth)
            }),
        }
    }
}

impl<'a> Walk<'a> {
    fn step(&mut self) -> Result<(), String> {
        let left = self.steps.checked_sub(1);
        self.steps = left.ok_or("far more items than bytes")?;
        Ok(())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        match self.rest.split_at_checked(length) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err("the message ends too early".to_owned()),
        }
    }

    /// A zig-zag number of seven bits a byte.
    fn number(&mut self) -> Result<i64, String> {
        let mut bits = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.take(1)?[0];
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            bits |= part << shift;
            if byte & 0x80 == 0 {
                return Ok((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed());
            }
        }
        Err("a number of more than 64 bits".to_owned())
    }

    fn length(&mut self) -> Result<usize, String> {
        let number = self.number()?;
        usize::try_from(number).map_err(|_| format!("{number} is no length"))
    }

    fn counted(&mut self) -> Result<&'a [u8], String> {
        let length = self.length()?;
        self.take(length)
    }

    fn text(&mut self) -> Result<(), String> {
        let bytes = self.counted()?;
        let text = std::str::from_utf8(bytes).map(|_| ());
        text.map_err(|_| "a string that is not UTF-8".to_owned())
    }

    fn index(&mut self, number: usize, of: &str) -> Result<usize, String> {
        let index = self.number()?;
        usize::try_from(index)
            .ok()
            .filter(|index| *index < number)
            .ok_or_else(|| format!("{of} has no number {index}"))
    }

    /// Blocks of items, up to an empty one. A negative count is followed by the block's bytes.
    fn blocks(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        loop {
            let count = self.number()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                self.length()?;
            }
            for _ in 0..count.unsigned_abs() {
                item(self)?;
            }
        }
    }
}
