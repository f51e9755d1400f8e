# Opens and reads SECRET by io_uring alone (IORING_OP_OPENAT, IORING_OP_READ). x86_64 and arm64.
import ctypes, mmap, os, struct
libc = ctypes.CDLL(None, use_errno=True)
params = bytearray(120)
ring = libc.syscall(425, 4, (ctypes.c_char * 120).from_buffer(params))
assert ring >= 0, os.strerror(ctypes.get_errno())
sq_entries, cq_entries = struct.unpack_from("II", params, 0)
# struct io_sqring_offsets at 40: head tail ring_mask ring_entries flags dropped array; struct io_cqring_offsets at 80.
sq_head, sq_tail, sq_mask, _, _, _, sq_array = struct.unpack_from("7I", params, 40)
cq_head, cq_tail, cq_mask, _, _, cqes = struct.unpack_from("6I", params, 80)
size = max(sq_array + sq_entries * 4, cqes + cq_entries * 16)
rings = mmap.mmap(ring, size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE, offset=0)
sqes = mmap.mmap(ring, sq_entries * 64, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE, offset=0x10000000)
def submit(opcode, fd, offset, address, length, flags):
    tail = struct.unpack_from("I", rings, sq_tail)[0]
    index = tail & struct.unpack_from("I", rings, sq_mask)[0]
    struct.pack_into("BBHiQQIIQHHiQQ", sqes, index * 64, opcode, 0, 0, fd, offset, address, length, flags, 0, 0, 0, 0, 0, 0)
    struct.pack_into("I", rings, sq_array + index * 4, index)
    struct.pack_into("I", rings, sq_tail, tail + 1)
    assert libc.syscall(426, ring, 1, 1, 1, None, 0) == 1
    head = struct.unpack_from("I", rings, cq_head)[0]
    result = struct.unpack_from("Qi", rings, cqes + (head & struct.unpack_from("I", rings, cq_mask)[0]) * 16)[1]
    struct.pack_into("I", rings, cq_head, head + 1)
    return result
path = ctypes.create_string_buffer(b"SECRET")
buffer = ctypes.create_string_buffer(16)
opened = submit(18, -100, 0, ctypes.addressof(path), 0, os.O_RDONLY)
assert opened >= 0, os.strerror(-opened)
assert submit(22, opened, 0, ctypes.addressof(buffer), 16, 0) > 0
os.close(opened)
os.close(ring)
