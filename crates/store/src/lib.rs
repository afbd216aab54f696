//! The coordinator's durable state in SQL behind one small trait.
