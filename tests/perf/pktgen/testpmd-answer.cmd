set portlist 0
set fwd icmpecho
start
