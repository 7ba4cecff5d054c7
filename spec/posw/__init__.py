"""The posw protocol as a program: see spec/README.md."""
