//! The page over HTTP.
