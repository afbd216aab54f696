//! Owns machine connections and drives one job on one machine.
