// Arbitrary bytes as a frame of neighbour discovery, and of listener discovery: never a crash, and
// what is taken keeps its meaning when it is written and read again.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mld_message.h"
#include "nd_message.h"

#define DELAY_MAX_MS 8387584u // RFC 3810, 5.1.3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mld_query q;
	struct nd_message m, again;
	uint8_t frame[ND_FRAME];
	size_t len;

	if (mld_read(data, size, &q) == 0 && q.delay_ms > DELAY_MAX_MS)
		abort();
	if (nd_read(data, size, &m) < 0)
		return 0;
	len = nd_write(&m, frame);
	if (nd_read(frame, len, &again) < 0 || memcmp(&m, &again, sizeof(m)) != 0)
		abort();
	return 0;
}
