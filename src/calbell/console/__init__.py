"""Console: the operator's web pages, made on the server, with nothing for the browser to run."""
