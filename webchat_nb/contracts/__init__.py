"""The protobuf contracts and their protobuf JSON."""
