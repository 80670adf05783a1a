"""The ways in: HTTP, websocket. They hold no policy and know no chat."""
