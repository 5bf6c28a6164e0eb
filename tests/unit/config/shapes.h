// Startup files of any size, for what must stay fast with 100,000 entries: each shape is a list
// that grows where a real gateway's does.
#ifndef VIGIL_TESTS_CONFIG_SHAPES_H
#define VIGIL_TESTS_CONFIG_SHAPES_H

#include <stdint.h>

#include "text.h"

#define SHAPES_MAP 50000u // entries of a crypto map; the next ones are another interface's

enum shape {
	SHAPE_PEERS,    // an entry, a peer, its key and an access list each
	SHAPE_ONE_PEER, // entries for networks behind one peer
	SHAPE_ANY,      // entries whose destination is `any`
	SHAPE_LINES,    // one entry, whose access list has all the lines
	SHAPE_KEYS,     // pre-shared keys
	SHAPE_PEERS6,   // SHAPE_PEERS in IPv6
	SHAPES
};

const char *shape_name(enum shape shape);
// The text of a startup file with n of them. Two interfaces on net_null ports have the maps.
void shape_write(enum shape shape, uint32_t n, struct text *out);

#endif
