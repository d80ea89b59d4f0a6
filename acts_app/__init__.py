"""SelfieLessActs itself: REST protocol, pages, and the store of people's acts. Knows nothing of the balancer."""
