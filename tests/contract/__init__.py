"""The contract as seen from outside: golden examples, schemas, and the documents generated from them."""
