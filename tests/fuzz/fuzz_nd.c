// Arbitrary bytes as a frame of neighbour discovery: never a crash, and what is taken keeps its
// meaning when it is written and read again.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nd_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nd_message m, again;
	uint8_t frame[ND_FRAME];
	size_t len;

	if (nd_read(data, size, &m) < 0)
		return 0;
	len = m.has_mac ? ND_FRAME : ND_FRAME - 8;
	nd_write(&m, frame);
	if (nd_read(frame, len, &again) < 0 || memcmp(&m, &again, sizeof(m)) != 0)
		abort();
	return 0;
}
