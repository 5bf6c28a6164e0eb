// Bounded reader and writer for wire formats: the only place with pointer arithmetic on input.
// A reader or writer that ran out stays failed; check once at the end with ok().
#ifndef VIGIL_COMMON_BYTES_H
#define VIGIL_COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reader {
	const uint8_t *pos;
	const uint8_t *end;
	bool failed;
};

static inline struct reader reader_make(const void *data, size_t len)
{
	return (struct reader){.pos = data, .end = (const uint8_t *)data + len};
}

static inline bool reader_ok(const struct reader *r)
{
	return !r->failed;
}

static inline size_t reader_left(const struct reader *r)
{
	return r->failed ? 0 : (size_t)(r->end - r->pos);
}

// The next n bytes, or NULL (and the reader is failed) if there are fewer.
static inline const uint8_t *reader_take(struct reader *r, size_t n)
{
	const uint8_t *p = r->pos;

	if (r->failed || (size_t)(r->end - r->pos) < n) {
		r->failed = true;
		return NULL;
	}
	r->pos += n;
	return p;
}

static inline uint8_t reader_u8(struct reader *r)
{
	const uint8_t *p = reader_take(r, 1);

	return p ? p[0] : 0;
}

static inline uint16_t reader_u16(struct reader *r)
{
	const uint8_t *p = reader_take(r, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t reader_u32(struct reader *r)
{
	const uint8_t *p = reader_take(r, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

// Copies n bytes out; on failure fills the target with zeros.
static inline void reader_copy(struct reader *r, void *out, size_t n)
{
	const uint8_t *p = reader_take(r, n);

	if (p)
		memcpy(out, p, n);
	else
		memset(out, 0, n);
}

// A reader of the next n bytes alone; failed if there are fewer.
static inline struct reader reader_sub(struct reader *r, size_t n)
{
	const uint8_t *p = reader_take(r, n);

	return p ? reader_make(p, n) : (struct reader){.failed = true};
}

struct writer {
	uint8_t *start;
	uint8_t *pos;
	uint8_t *end;
	bool failed;
};

static inline struct writer writer_make(void *data, size_t size)
{
	return (struct writer){.start = data, .pos = data, .end = (uint8_t *)data + size};
}

static inline bool writer_ok(const struct writer *w)
{
	return !w->failed;
}

// Bytes written so far.
static inline size_t writer_len(const struct writer *w)
{
	return (size_t)(w->pos - w->start);
}

// Room for n bytes, to be filled in by the caller; NULL (and the writer is failed) if it is full.
static inline uint8_t *writer_reserve(struct writer *w, size_t n)
{
	uint8_t *p = w->pos;

	if (w->failed || (size_t)(w->end - w->pos) < n) {
		w->failed = true;
		return NULL;
	}
	w->pos += n;
	return p;
}

static inline void writer_put(struct writer *w, const void *data, size_t n)
{
	uint8_t *p = writer_reserve(w, n);

	if (p && n)
		memcpy(p, data, n);
}

static inline void writer_zero(struct writer *w, size_t n)
{
	uint8_t *p = writer_reserve(w, n);

	if (p)
		memset(p, 0, n);
}

static inline void writer_u8(struct writer *w, uint8_t v)
{
	uint8_t *p = writer_reserve(w, 1);

	if (p)
		*p = v;
}

// For what lies at a place that has been checked already.
static inline uint16_t bytes_get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t bytes_get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void bytes_put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void bytes_put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static inline void writer_u16(struct writer *w, uint16_t v)
{
	uint8_t *p = writer_reserve(w, 2);

	if (p)
		bytes_put_u16(p, v);
}

static inline void writer_u32(struct writer *w, uint32_t v)
{
	uint8_t *p = writer_reserve(w, 4);

	if (p)
		bytes_put_u32(p, v);
}

// Overwrites a field that was written before, at `offset` from the start; for types and lengths.
static inline void writer_patch_u8(struct writer *w, size_t offset, uint8_t v)
{
	if (!w->failed && offset + 1 <= writer_len(w))
		w->start[offset] = v;
}

static inline void writer_patch_u32(struct writer *w, size_t offset, uint32_t v)
{
	if (!w->failed && offset + 4 <= writer_len(w))
		bytes_put_u32(w->start + offset, v);
}

static inline void writer_patch_u16(struct writer *w, size_t offset, uint16_t v)
{
	if (!w->failed && offset + 2 <= writer_len(w))
		bytes_put_u16(w->start + offset, v);
}

#endif
