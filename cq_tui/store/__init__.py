"""How shared_data is read and written: documents, journals, chain, tree, watching."""
