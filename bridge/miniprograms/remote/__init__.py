"""Programs that run on a server of their developer (D3, D4): the same contract, over HTTPS, signed."""
