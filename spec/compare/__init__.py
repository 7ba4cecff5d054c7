"""What the differential test is made of: events and the two sides, random chains, ways of breaking a block."""
