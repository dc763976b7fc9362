/// The instructions of Python's pickle format, protocols 0 to 5, by their byte.
///
/// Source: `Lib/pickletools.py` of CPython 3.13.
enum PickleInstruction: UInt8 {
  // Marks, the stack and the memo.
  case mark = 0x28
  case stop = 0x2e
  case pop = 0x30
  case popMark = 0x31
  case duplicate = 0x32
  case get = 0x67
  case getByte = 0x68
  case getLong = 0x6a
  case put = 0x70
  case putByte = 0x71
  case putLong = 0x72
  case memoize = 0x94
  case proto = 0x80
  case frame = 0x95

  // Plain values.
  case none = 0x4e
  case newTrue = 0x88
  case newFalse = 0x89
  case int = 0x49
  case binInt = 0x4a
  case binInt1 = 0x4b
  case binInt2 = 0x4d
  case long = 0x4c
  case long1 = 0x8a
  case long4 = 0x8b
  case float = 0x46
  case binFloat = 0x47
  case string = 0x53
  case binString = 0x54
  case shortBinString = 0x55
  case binBytes = 0x42
  case shortBinBytes = 0x43
  case binBytes8 = 0x8e
  case byteArray8 = 0x96
  case unicode = 0x56
  case binUnicode = 0x58
  case shortBinUnicode = 0x8c
  case binUnicode8 = 0x8d

  // Containers.
  case emptyTuple = 0x29
  case tuple = 0x74
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case emptyList = 0x5d
  case list = 0x6c
  case append = 0x61
  case appends = 0x65
  case emptyDictionary = 0x7d
  case dictionary = 0x64
  case setItem = 0x73
  case setItems = 0x75

  // Names, calls and what lies outside.
  case global = 0x63
  case stackGlobal = 0x93
  case reduce = 0x52
  case build = 0x62
  case persistentID = 0x50
  case binPersistentID = 0x51
}
