//! The operator plane: who runs the installation, apart from every organization, and what support may see when one allows it.
