"""What the screens are made of: line-API widgets that send only the cells that changed."""
