"""What is written on a socket, and the JSON edge. No I/O."""
