stop
clear port stats all
set portlist 0
set fwd txonly
start
