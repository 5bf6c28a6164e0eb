// Frames of the command line's socket, for client and daemon. Any thread, one reader at a time.
// Must not trust a length before it has been compared with the buffer's size.
#include "frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "secret.h"

int frame_reader_init(struct frame_reader *r, size_t max)
{
	*r = (struct frame_reader){.buffer = malloc(FRAME_HEADER + max),
	                           .size = FRAME_HEADER + max};
	return r->buffer ? 0 : -ENOMEM;
}

void frame_reader_fini(struct frame_reader *r)
{
	if (r->buffer)
		secret_wipe(r->buffer, r->size);
	free(r->buffer);
	*r = (struct frame_reader){0};
}

int frame_read(struct frame_reader *r, int fd)
{
	ssize_t n;

	if (r->taken) {
		memmove(r->buffer, r->buffer + r->taken, r->used - r->taken);
		r->used -= r->taken;
		r->taken = 0;
	}
	if (r->used == r->size)
		return 0; // a whole frame waits to be taken
	do
		n = read(fd, r->buffer + r->used, r->size - r->used);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -EPIPE;
	r->used += (size_t)n;
	return 0;
}

int frame_next(struct frame_reader *r, struct frame *f)
{
	struct reader in = reader_make(r->buffer + r->taken, r->used - r->taken);

	if (reader_left(&in) < FRAME_HEADER)
		return 0;
	f->type = reader_u8(&in);
	f->len = (uint32_t)reader_u8(&in) << 16;
	f->len |= reader_u16(&in);
	if (f->len > r->size - FRAME_HEADER)
		return -EPROTO;
	if (reader_left(&in) < f->len)
		return 0;
	f->data = reader_take(&in, f->len);
	r->taken += FRAME_HEADER + f->len;
	return 1;
}

void frame_header(uint8_t header[FRAME_HEADER], enum frame_type type, size_t len)
{
	bytes_put_u32(header, (uint32_t)type << 24 | (uint32_t)len);
}
