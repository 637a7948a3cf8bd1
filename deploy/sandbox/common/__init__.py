"""What every sandbox server stands on: certificates, the journal, faults and the process that hosts them."""
