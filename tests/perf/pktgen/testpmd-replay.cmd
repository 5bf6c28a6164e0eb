stop
clear port stats all
set portlist 0,1
set fwd io
start
