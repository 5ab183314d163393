//! Agents: versions, flows, understanding, wording and knowledge.
