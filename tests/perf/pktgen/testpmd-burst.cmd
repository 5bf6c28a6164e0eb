stop
clear port stats all
set portlist 0
set fwd rxonly
set burst 256
start tx_first 8
