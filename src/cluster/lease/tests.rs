//! Names and terms of Leases.
